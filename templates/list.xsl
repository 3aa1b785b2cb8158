<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<!-- Inbox and sent. -->
<xsl:template match="page" mode="title"><xsl:call-template name="heading"/></xsl:template>

<xsl:template name="heading">
  <xsl:choose>
    <xsl:when test="/page/list/@box = 'inbox'"><w:t id="nav.inbox"/></xsl:when>
    <xsl:otherwise><w:t id="nav.sent"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="list">
    <h1><xsl:call-template name="heading"/></h1>
    <div class="sheet flush">
      <xsl:choose>
        <xsl:when test="item"><ul class="list"><xsl:apply-templates select="item"/></ul></xsl:when>
        <xsl:when test="@box = 'inbox'"><div class="none"><p><w:t id="list.no-inbox" address="/page/@address"/></p></div></xsl:when>
        <xsl:otherwise><div class="none"><p><w:t id="list.no-sent"/></p></div></xsl:otherwise>
      </xsl:choose>
    </div>
    <xsl:if test="@older or @more">
      <div class="row">
        <xsl:if test="@more"><a class="btn plain" href="/{@box}?before={@more}"><w:t id="list.older"/></a></xsl:if>
        <xsl:if test="@older"><a href="/{@box}"><w:t id="list.newest"/></a></xsl:if>
      </div>
    </xsl:if>
  </xsl:for-each>
</xsl:template>

<xsl:template match="item">
  <li>
    <xsl:if test="@fresh"><xsl:attribute name="class">new</xsl:attribute></xsl:if>
    <span><xsl:if test="@fresh"><span class="dot" aria-hidden="true"></span><span class="unseen"><w:t id="list.new"/></span></xsl:if></span>
    <span class="from">
      <xsl:value-of select="who/@shown"/>
      <xsl:if test="../@box = 'sent' and @recipients &gt; 1"><xsl:text> </xsl:text><w:t id="list.and" n="@recipients - 1"/></xsl:if>
    </span>
    <a class="subject" dir="auto" href="/message/{@id}">
      <xsl:choose>
        <xsl:when test="subject = ''"><w:t id="message.no-subject"/></xsl:when>
        <xsl:otherwise><xsl:value-of select="subject"/></xsl:otherwise>
      </xsl:choose>
    </a>
    <time datetime="{created/@iso}" title="{created/@minute}"><xsl:value-of select="created/@short"/></time>
    <small class="more">
      <xsl:if test="../@box = 'sent'">
        <a class="track" href="/message/{@id}/track">
          <xsl:choose>
            <xsl:when test="@displayed = 0"><w:t id="list.unread"/></xsl:when>
            <xsl:when test="@displayed = @recipients"><w:t id="list.read"/></xsl:when>
            <xsl:otherwise><w:t id="list.read-some" n="@displayed" all="@recipients"/></xsl:otherwise>
          </xsl:choose>
        </a>
        <xsl:text> · </xsl:text>
      </xsl:if>
      <xsl:choose>
        <xsl:when test="@files = 1"><w:t id="list.file"/><xsl:text> · </xsl:text></xsl:when>
        <xsl:when test="@files &gt; 1"><w:t id="list.files" n="@files"/><xsl:text> · </xsl:text></xsl:when>
      </xsl:choose>
      <span class="nowrap"><w:t id="list.until" until="expires/@short"/></span>
    </small>
  </li>
</xsl:template>

</xsl:stylesheet>
