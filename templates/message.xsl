<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><xsl:call-template name="subject"/></xsl:template>

<xsl:template name="subject">
  <xsl:choose>
    <xsl:when test="/page/message/subject = ''"><w:t id="message.no-subject"/></xsl:when>
    <xsl:otherwise><xsl:value-of select="/page/message/subject"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="person">
  <xsl:if test="position() &gt; 1"><xsl:text>, </xsl:text></xsl:if>
  <xsl:choose>
    <xsl:when test="@you"><w:t id="message.you"/></xsl:when>
    <xsl:otherwise><xsl:value-of select="@shown"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="message">
    <p class="back">
      <xsl:choose>
        <xsl:when test="@mine"><a href="/sent"><w:t id="nav.sent"/></a></xsl:when>
        <xsl:otherwise><a href="/inbox"><w:t id="nav.inbox"/></a></xsl:otherwise>
      </xsl:choose>
    </p>
    <article class="sheet">
      <h1 dir="auto"><xsl:call-template name="subject"/></h1>
      <div class="who head">
        <span class="mark" aria-hidden="true"><xsl:value-of select="sender/@initials"/></span>
        <div>
          <b><xsl:value-of select="sender/@shown"/></b>
          <xsl:if test="sender/@name != '' and sender/@address != ''"><xsl:text> </xsl:text><span class="quiet"><xsl:value-of select="sender/@address"/></span></xsl:if>
          <small>
            <xsl:if test="to/person">
              <w:t id="message.to"><w:f name="people"><xsl:apply-templates select="to/person"/></w:f></w:t>
              <xsl:if test="to/@more"><xsl:text> </xsl:text><w:t id="list.and" n="to/@more"/></xsl:if>
            </xsl:if>
          </small>
          <xsl:if test="@envelope"><small><w:t id="message.envelope" address="@envelope"/></small></xsl:if>
          <xsl:choose>
            <xsl:when test="@tls"><small><w:t id="message.over-tls" tls="@tls" client="@client"/></small></xsl:when>
            <xsl:when test="@client"><small><w:t id="message.in-clear" client="@client"/></small></xsl:when>
          </xsl:choose>
          <small>
            <time class="nowrap" datetime="{created/@iso}"><xsl:value-of select="created/@minute"/></time>
            <xsl:text> · </xsl:text>
            <span class="nowrap"><w:t id="list.until" until="expires/@short"/></span>
          </small>
        </div>
      </div>
      <xsl:if test="not(@mine)">
        <p class="pills">
          <xsl:choose>
            <xsl:when test="@verified"><span class="pill good"><xsl:text>✓ </xsl:text><w:t id="message.verified" tenant="/page/@tenant"/></span></xsl:when>
            <xsl:when test="@proved"><span class="pill good"><xsl:text>✓ </xsl:text><w:t id="message.proved"/></span></xsl:when>
            <xsl:otherwise><span class="pill warn"><xsl:text>! </xsl:text><w:t id="message.unverified"/></span></xsl:otherwise>
          </xsl:choose>
          <xsl:if test="@receipt"><xsl:text> </xsl:text><span class="pill"><w:t id="message.receipt" sender="sender/@shown"/></span></xsl:if>
        </p>
      </xsl:if>
      <hr/>
      <xsl:if test="@ambiguous"><p class="problem"><w:t id="message.ambiguous"/></p></xsl:if>
      <div class="text" dir="auto">
        <xsl:for-each select="p"><p><xsl:value-of select="."/></p></xsl:for-each>
        <xsl:if test="not(p)"><p class="quiet"><w:t id="message.no-text"/></p></xsl:if>
      </div>
      <xsl:if test="@cut"><p class="quiet"><w:t id="message.cut"/></p></xsl:if>
      <xsl:if test="@from-html"><p class="quiet"><w:t id="message.from-html"/></p></xsl:if>
      <xsl:if test="file">
        <h2>
          <xsl:choose>
            <xsl:when test="count(file) = 1"><w:t id="list.file"/></xsl:when>
            <xsl:otherwise><w:t id="list.files" n="count(file)"/></xsl:otherwise>
          </xsl:choose>
        </h2>
        <ul class="files"><xsl:apply-templates select="file"/></ul>
      </xsl:if>
      <xsl:if test="@more"><p class="quiet"><w:t id="message.more"/></p></xsl:if>
      <div class="row">
        <xsl:choose>
          <xsl:when test="@mine"><a class="btn" href="/message/{@id}/track"><w:t id="message.track"/></a></xsl:when>
          <xsl:when test="sender/@address != ''"><a class="btn" href="/compose?reply={@id}"><w:t id="message.reply"/></a></xsl:when>
        </xsl:choose>
        <a href="/message/{@id}/raw"><w:t id="message.save" size="@size"/></a>
      </div>
      <xsl:if test="@beside"><p class="quiet beside"><w:t id="message.beside"/></p></xsl:if>
    </article>
    <xsl:if test="/page/@signed = 'guest' and not(@mine)">
      <aside class="sheet">
        <h2><w:t id="offer.title"/></h2>
        <p><w:t id="offer.text"/></p>
        <div class="row"><a class="btn plain" href="/register"><w:t id="offer.go"/></a></div>
      </aside>
    </xsl:if>
  </xsl:for-each>
</xsl:template>

<xsl:template match="file">
  <xsl:variable name="name"><xsl:choose>
    <xsl:when test="@name = ''"><w:t id="message.unnamed" no="@no"/></xsl:when>
    <xsl:otherwise><xsl:value-of select="@name"/></xsl:otherwise>
  </xsl:choose></xsl:variable>
  <li>
    <b><xsl:value-of select="$name"/></b>
    <span><xsl:value-of select="@size"/></span>
    <a href="/message/{../@id}/part/{@no}"><w:a name="aria-label" id="message.download-file" file="$name"/><w:t id="message.download"/></a>
  </li>
</xsl:template>

</xsl:stylesheet>
