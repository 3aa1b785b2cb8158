<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="settings.title"/></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="settings">
    <div class="sheet">
      <h1><w:t id="settings.title"/></h1>
      <dl>
        <dt><w:t id="settings.address"/></dt><dd><xsl:value-of select="/page/@address"/></dd>
        <xsl:if test="@name != ''"><dt><w:t id="settings.name"/></dt><dd><xsl:value-of select="@name"/></dd></xsl:if>
        <xsl:if test="last"><dt><w:t id="settings.last"/></dt><dd><time datetime="{last/@iso}"><xsl:value-of select="last/@minute"/></time></dd></xsl:if>
      </dl>
      <xsl:if test="/page/@signed = 'guest'">
        <h2><w:t id="offer.title"/></h2>
        <p><w:t id="offer.text"/></p>
        <div class="row"><a class="btn" href="/register"><w:t id="offer.go"/></a></div>
      </xsl:if>
      <h2><w:t id="settings.everywhere"/></h2>
      <p><w:t id="settings.everywhere-text"/></p>
      <form method="post" action="/logout">
        <xsl:call-template name="csrf"/>
        <input type="hidden" name="everywhere" value="1"/>
        <div class="row"><button class="btn plain" type="submit"><w:t id="settings.everywhere-go"/></button></div>
      </form>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
