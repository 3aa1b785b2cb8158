<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<!-- The ends of a road: expired, retracted, mistyped, unknown, somebody else's. -->
<xsl:template match="page" mode="title"><xsl:call-template name="heading"/></xsl:template>
<xsl:template match="page" mode="foot"><xsl:for-each select="ended"><xsl:call-template name="foot-sender"/></xsl:for-each></xsl:template>

<xsl:template name="heading">
  <xsl:choose>
    <xsl:when test="/page/ended/@why = 'expired'"><w:t id="ended.expired"/></xsl:when>
    <xsl:when test="/page/ended/@why = 'retracted'"><w:t id="ended.retracted"/></xsl:when>
    <xsl:when test="/page/ended/@why = 'mistyped'"><w:t id="ended.mistyped"/></xsl:when>
    <xsl:when test="/page/ended/@why = 'other'"><w:t id="ended.other"/></xsl:when>
    <xsl:otherwise><w:t id="ended.unknown"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="ended">
    <div class="sheet">
      <xsl:if test="sender"><xsl:call-template name="who"/><hr/></xsl:if>
      <h1><xsl:call-template name="heading"/></h1>
      <xsl:choose>
        <xsl:when test="@why = 'expired'">
          <p><w:t id="ended.expired-text" sender="sender/@shown" sent="created/@day" until="expires/@day"/></p>
          <xsl:if test="sender/@address != ''"><p><w:t id="ended.expired-next" sender="sender/@shown"/></p></xsl:if>
          <div class="row"><xsl:if test="sender/@address != ''"><a class="btn" href="mailto:{sender/@address}"><w:t id="ended.write" sender="sender/@shown"/></a></xsl:if><a href="/"><w:t id="ended.home"/></a></div>
        </xsl:when>
        <xsl:when test="@why = 'retracted'">
          <p><w:t id="ended.retracted-text" sender="sender/@shown"/></p>
          <div class="row"><xsl:if test="sender/@address != ''"><a class="btn" href="mailto:{sender/@address}"><w:t id="ended.write" sender="sender/@shown"/></a></xsl:if><a href="/"><w:t id="ended.home"/></a></div>
        </xsl:when>
        <xsl:when test="@why = 'mistyped'">
          <p><w:t id="ended.mistyped-text"/></p>
          <div class="row">
            <xsl:choose>
              <xsl:when test="@code"><a class="btn" href="/m/{@code}"><w:t id="ended.mistyped-go"/></a></xsl:when>
              <xsl:otherwise><a class="btn" href="/"><w:t id="ended.home"/></a></xsl:otherwise>
            </xsl:choose>
          </div>
        </xsl:when>
        <xsl:when test="@why = 'other'">
          <p><w:t id="ended.other-text" address="/page/@address"/></p>
          <div class="row">
            <form method="post" action="/logout"><xsl:call-template name="csrf"/><button class="btn" type="submit"><w:t id="ended.other-go"/></button></form>
            <a href="/inbox"><w:t id="ended.inbox"/></a>
          </div>
        </xsl:when>
        <xsl:otherwise>
          <p><w:t id="ended.unknown-text"/></p>
          <div class="row"><a class="btn" href="/"><w:t id="ended.unknown-go"/></a></div>
        </xsl:otherwise>
      </xsl:choose>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
